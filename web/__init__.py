"""The web edge: health, metrics, and the records of draws."""
