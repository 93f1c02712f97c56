"""Selection among forecasters by windows of the past."""
