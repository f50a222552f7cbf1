// What a program without the C library has to set up itself. Runs in init and in the launcher.
#pragma once

// Called first, with the stack as the kernel gives it; see memory.cc.
extern "C" void seed_stack_guard(long* stack);
