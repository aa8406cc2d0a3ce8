"""Compares this program with others: two checkouts of it, the published code, the official scorers."""
