"""Keys and their derivation, sealing, attestation quotes, receipts. No network."""
