"""Triton kernels of prefcore: launchers that take tensors and return tensors. Import as `prefcore.triton_kernels`."""
