"""The configuration: from text to Settings, with every problem at once."""
