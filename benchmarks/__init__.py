"""Benchmarks of spdkit, one folder a claim."""
