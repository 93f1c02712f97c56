"""Forecasters, one idea a file."""
