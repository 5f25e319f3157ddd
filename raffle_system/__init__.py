"""The monthly raffle: tickets, periods, their sources and the draw."""
