"""Common pieces: errors, files, tables, saved forms, progress."""
