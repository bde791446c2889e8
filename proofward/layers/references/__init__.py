"""What trainings are compared with: plain integers, and float32."""
