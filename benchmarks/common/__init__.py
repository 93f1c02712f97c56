"""Common parts of benchmarks: scripts, journals of fits, measuring, Markdown."""
