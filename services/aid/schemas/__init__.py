"""Requests and answers of aid; one module per thing that is handled."""
