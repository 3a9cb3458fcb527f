"""The event log of a service: written in the transaction of the change it tells, relayed to the bus afterwards."""
