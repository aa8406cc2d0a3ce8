"""What Hydra composes: files that select and override options, installed as vos.conf. No code; imports nothing."""
