"""A language model behind an OpenAI-compatible server, as a classifier of texts; see `asked`."""
