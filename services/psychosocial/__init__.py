"""The care: a worklist that screening opens, and sessions at a layer of the IASC pyramid."""
