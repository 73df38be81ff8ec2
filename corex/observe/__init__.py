"""Who hears of an op: events, the placement report, recorded signatures."""
