"""What happened, as it is told: the CloudEvents envelope, and one module per publisher with its facts."""
