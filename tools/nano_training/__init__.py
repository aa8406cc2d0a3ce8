"""What trains the embedded model: photos, scenes made of them, prompts, losses."""
