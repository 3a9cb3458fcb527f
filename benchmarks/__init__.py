"""Each figure that the README quotes, with the peer or limit beside it in the same run."""
