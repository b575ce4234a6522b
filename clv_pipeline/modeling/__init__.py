"""Models of spend and purchase probability: data, candidates, calibration, stored versions, training."""
