"""Similar queries: vectors of what was asked and answered, how they are kept, and how searched."""
