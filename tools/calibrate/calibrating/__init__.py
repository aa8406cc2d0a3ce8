"""What fits constants that vos ships to data with truth."""
