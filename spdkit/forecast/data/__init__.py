"""Data of forecasts: long tables and their dates, checked once."""
