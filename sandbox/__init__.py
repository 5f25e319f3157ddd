"""Stand-ins for the outside world, as a process of its own that speaks the real protocols."""
