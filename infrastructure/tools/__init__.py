"""The tools of the house (level L3): what agents may do to files and data."""
