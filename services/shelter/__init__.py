"""The bed: facilities with rooms and beds, referrals and their answers, stays, occupancy."""
