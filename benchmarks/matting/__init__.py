"""Measures of soft masks."""
