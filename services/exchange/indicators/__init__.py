"""The season in figures: exact ones for those who answer for them, protected ones for everybody else."""

from services.exchange.indicators.exact import indicators, nights_and_peaks
from services.exchange.indicators.series import By, series

__all__ = ["By", "indicators", "nights_and_peaks", "series"]
