"""Tables: makes typed tables out of whatever files a user hands in."""
