"""What Pulang runs beside, and how: read by Compose and, where there is no Docker, by `deploy.cluster`."""
