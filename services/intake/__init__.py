"""The case: manifests, registration, screening, consent, referral, identity, return home, closure."""
