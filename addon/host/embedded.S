// The static init program, embedded in the addon. The build puts it on the path of the assembler.
    .section .rodata
    .balign 16
    .globl nrunc_init_image
    .hidden nrunc_init_image
    .globl nrunc_init_image_end
    .hidden nrunc_init_image_end
nrunc_init_image:
    .incbin "nrunc_init"
nrunc_init_image_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
