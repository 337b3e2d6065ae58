// Runtime for sbf_lower: built by clang-22 --target=bpfel, linked as bitcode after optimisation.
typedef unsigned long u64;
typedef unsigned char u8;
typedef unsigned int u32;
typedef int i32;
extern void sol_memcpy_(void *, const void *, u64);
extern void sol_memmove_(void *, const void *, u64);
extern void sol_memset_(void *, u64, u64);
extern void sol_memcmp_(const void *, const void *, u64, i32 *);

// memcpy's contract rules overlap out, except Rust may copy n==0 or src==dst; the syscall refuses overlap.
void __sbf_memcpy(void *d, const void *s, u64 n) {
  if (n && d != s)
    sol_memcpy_(d, s, n);
}

void __sbf_memmove(void *d, const void *s, u64 n) {
  if (n)
    sol_memmove_(d, s, n);
}

void __sbf_memset(void *d, u64 c, u64 n) {
  if (n)
    sol_memset_(d, c & 0xff, n);
}

i32 __sbf_memcmp(const void *a, const void *b, u64 n) {
  i32 r = 0;
  if (n)
    sol_memcmp_(a, b, n, &r);
  return r;
}

i32 __sbf_bcmp(const void *a, const void *b, u64 n) {
  const u8 *x = a, *y = b;
  if (n > 64) {
    i32 r = 0;
    sol_memcmp_(a, b, n, &r);
    return r;
  }
  while (n >= 8) {
    if (*(const u64 *)x != *(const u64 *)y)
      return 1;
    x += 8;
    y += 8;
    n -= 8;
  }
  while (n) {
    if (*x != *y)
      return 1;
    x++;
    y++;
    n--;
  }
  return 0;
}

static inline __attribute__((always_inline)) void divmod(u64 *q, u64 *r, u64 nl, u64 nh, u64 dl, u64 dh) {
  if (!(nh | dh)) {
    q[0] = nl / dl;
    q[1] = 0;
    r[0] = nl % dl;
    r[1] = 0;
    return;
  }
  u64 q0 = 0, q1 = 0, r0 = 0, r1 = 0;
  for (int i = 127; i >= 0; i--) {
    u64 top = r1 >> 63;
    r1 = (r1 << 1) | (r0 >> 63);
    r0 = (r0 << 1) | (i >= 64 ? (nh >> (i - 64)) & 1 : (nl >> i) & 1);
    if (top || r1 > dh || (r1 == dh && r0 >= dl)) {
      u64 b = r0 < dl;
      r0 -= dl;
      r1 -= dh + b;
      if (i >= 64)
        q1 |= 1UL << (i - 64);
      else
        q0 |= 1UL << i;
    }
  }
  q[0] = q0;
  q[1] = q1;
  r[0] = r0;
  r[1] = r1;
}

extern void abort(void);

void __sbf_udivti3(u64 *out, u64 nl, u64 nh, u64 dl, u64 dh) {
  u64 q[2], r[2];
  if (!(dl | dh))
    abort();
  u64 a = nl, b = nh;
  if (!dh && nh && dl >> 32 == 0) { // 128 / 32-bit: schoolbook, far cheaper than 128 shifts
    u64 w3 = b >> 32, w2 = (u32)b, w1 = a >> 32, w0 = (u32)a, x, q3, q2, q1, q0;
    q3 = w3 / dl;
    x = ((w3 % dl) << 32) | w2;
    q2 = x / dl;
    x = ((x % dl) << 32) | w1;
    q1 = x / dl;
    x = ((x % dl) << 32) | w0;
    q0 = x / dl;
    out[0] = (q1 << 32) | q0;
    out[1] = (q3 << 32) | q2;
    return;
  }
  divmod(q, r, nl, nh, dl, dh);
  out[0] = q[0];
  out[1] = q[1];
}

void __sbf_umodti3(u64 *out, u64 nl, u64 nh, u64 dl, u64 dh) {
  u64 q[2], r[2];
  if (!(dl | dh))
    abort();
  divmod(q, r, nl, nh, dl, dh);
  out[0] = r[0];
  out[1] = r[1];
}
