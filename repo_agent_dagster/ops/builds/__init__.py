"""What is known of builds: their jobs, as services and log lines tell of them, and the logs of those that passed."""
