"""DecAI: a community owns its AI models in the open."""

__version__ = "0.1.0"
