"""The agencies: what each may see of the lifecycle, the log it is written to, feed, agency topics, indicators."""
