"""What benchmarks share: timing, starting and ending, units of work."""
