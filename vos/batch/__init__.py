"""Many clips: which of them are this machine's, processes that work on them, and what became of each."""
