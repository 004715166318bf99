"""What `terraform plan` says after everything that `release-tool` does, with both of them for real."""
