"""Decoding: the sound of a window of any audio file, and how long the file is."""
