"""Effects: what stands around the ports through which effects are performed."""
