"""Programs that steps of flows run on this machine."""
