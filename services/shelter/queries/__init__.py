"""Reading shelter. The caller's scope is an argument, never an afterthought."""
