"""Scores of forecasts: metrics and prediction intervals."""
