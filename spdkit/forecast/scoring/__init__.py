"""Scores of forecasts: metrics, cutoffs of the past, prediction intervals."""
