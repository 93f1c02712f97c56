"""Extraction: how fast, and how near to librosa."""
