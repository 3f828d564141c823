"""What all sandbox servers share: storage, faults, pages, certificates, start and stop."""
