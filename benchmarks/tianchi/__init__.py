"""Tianchi: raw logs of plays aggregated."""
