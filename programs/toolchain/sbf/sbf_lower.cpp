// sbf_lower: an LLVM 22 pass plugin that makes rustc's bitcode for BPF acceptable to upstream's BPF backend, with
// the semantics of Solana's SBF v0.
//
//   1. memcpy, memmove, memset, memcmp, bcmp become __sbf_* of the runtime (sbf_rt.c): system calls.
//   2. i128 products, quotients and shifts, products with overflow, signed quotients and floats become 64-bit code
//   or calls.
//   3. The calling convention: BPF has five argument registers and one for the result. A result that is an
//   aggregate
//      or wider than a register is returned through an out pointer; of arguments that need more than five
//      registers, the tail is packed into a struct on the caller's stack.
//
// The convention depends on the function type alone, so indirect calls (vtables) agree with what they call.
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#if __has_include("llvm/Plugins/PassPlugin.h")
#include "llvm/Plugins/PassPlugin.h"
#else
#include "llvm/Passes/PassPlugin.h"
#endif
#include "llvm/Transforms/Utils/Cloning.h"
using namespace llvm;

namespace {
constexpr uint64_t InlineMemLimit = 64; // bytes that stay inline as 8-byte loads/stores

// How many 64-bit registers a value of this type takes.
unsigned registersFor(const DataLayout &DL, Type *T) {
  if (T->isVoidTy())
    return 0;
  if (auto *S = dyn_cast<StructType>(T)) {
    unsigned n = 0;
    for (Type *E : S->elements())
      n += registersFor(DL, E);
    return n;
  }
  if (auto *A = dyn_cast<ArrayType>(T))
    return A->getNumElements() * registersFor(DL, A->getElementType());
  return (DL.getTypeSizeInBits(T).getFixedValue() + 63) / 64;
}

// How a function of some type is called after this pass.
struct Abi {
  bool change = false, sret = false;
  unsigned keep = 0;
  StructType *pack = nullptr;
  FunctionType *FT = nullptr;
};

Abi abiOf(const DataLayout &DL, FunctionType *FT) {
  Abi R;
  R.FT = FT;
  R.keep = FT->getNumParams();
  if (FT->isVarArg())
    return R;
  Type *RT = FT->getReturnType();
  R.sret = RT->isAggregateType() || registersFor(DL, RT) > 1;
  if (RT->isAggregateType() && registersFor(DL, RT) == 0)
    R.sret = true;
  unsigned n = R.sret ? 1 : 0;
  for (Type *P : FT->params())
    n += registersFor(DL, P);
  SmallVector<Type *, 8> Ps, Tail;
  if (R.sret)
    Ps.push_back(PointerType::get(FT->getContext(), 0));
  if (n > 5) {
    unsigned used = R.sret ? 1 : 0;
    R.keep = 0;
    bool full = false;
    for (Type *P : FT->params()) {
      if (!full && used + registersFor(DL, P) <= 4) {
        used += registersFor(DL, P);
        Ps.push_back(P);
        R.keep++;
      } else {
        full = true;
        Tail.push_back(P);
      }
    }
    R.pack = StructType::get(FT->getContext(), Tail);
    Ps.push_back(PointerType::get(FT->getContext(), 0));
  } else
    for (Type *P : FT->params())
      Ps.push_back(P);
  R.change = R.sret || R.pack;
  if (R.change)
    R.FT = FunctionType::get(R.sret ? Type::getVoidTy(FT->getContext()) : RT, Ps, false);
  return R;
}

// Attributes of parameters and return value no longer fit; those of the function do, except where the new out
// pointer makes them wrong.
AttributeList functionAttributes(LLVMContext &C, AttributeList A) {
  AttrBuilder B(C, A.getFnAttrs());
  B.removeAttribute(Attribute::Memory);
  B.removeAttribute(Attribute::Speculatable);
  return AttributeList::get(C, AttributeList::FunctionIndex, B);
}

struct Lower {
  Module &M;
  const DataLayout &DL;
  LLVMContext &C;
  Type *I64, *I128, *Ptr, *I32, *I8, *Void;

  explicit Lower(Module &M) : M(M), DL(M.getDataLayout()), C(M.getContext()) {
    I64 = Type::getInt64Ty(C);
    I128 = Type::getInt128Ty(C);
    Ptr = PointerType::get(C, 0);
    I32 = Type::getInt32Ty(C);
    I8 = Type::getInt8Ty(C);
    Void = Type::getVoidTy(C);
  }

  // ---- integers wider than a register

  Value *lowHalf(IRBuilder<> &B, Value *V) { return B.CreateTrunc(V, I64); }

  Value *highHalf(IRBuilder<> &B, Value *V) {
    return B.CreateTrunc(B.CreateLShr(V, ConstantInt::get(I128, 64)), I64);
  }

  Value *pair(IRBuilder<> &B, Value *L, Value *H) {
    return B.CreateOr(B.CreateZExt(L, I128), B.CreateShl(B.CreateZExt(H, I128), ConstantInt::get(I128, 64)));
  }

  // The upper 64 bits of a 64-bit product. Built here and not in sbf_rt.c: clang would recognise the C form as a
  // 128-bit multiply and recurse.
  Function *mulHighFunction() {
    if (Function *F = M.getFunction("__sbf_umulh"))
      return F;
    Function *F = Function::Create(FunctionType::get(I64, {I64, I64}, false), GlobalValue::InternalLinkage,
                                   "__sbf_umulh", &M);
    F->addFnAttr(Attribute::NoUnwind);
    IRBuilder<> B(BasicBlock::Create(C, "", F));
    Value *m = ConstantInt::get(I64, 0xffffffffu), *c32 = ConstantInt::get(I64, 32), *a = F->getArg(0),
          *b = F->getArg(1);
    Value *al = B.CreateAnd(a, m), *ah = B.CreateLShr(a, c32), *bl = B.CreateAnd(b, m), *bh = B.CreateLShr(b, c32);
    Value *ll = B.CreateMul(al, bl), *lh = B.CreateMul(al, bh), *hl = B.CreateMul(ah, bl),
          *hh = B.CreateMul(ah, bh);
    Value *mid = B.CreateAdd(B.CreateAdd(B.CreateLShr(ll, c32), B.CreateAnd(lh, m)), B.CreateAnd(hl, m));
    B.CreateRet(B.CreateAdd(B.CreateAdd(hh, B.CreateLShr(lh, c32)),
                            B.CreateAdd(B.CreateLShr(hl, c32), B.CreateLShr(mid, c32))));
    return F;
  }

  Value *mulHigh(IRBuilder<> &B, Value *X, Value *Y) { return B.CreateCall(mulHighFunction(), {X, Y}); }

  // Limbs of a wide integer, least significant first; known-zero limbs come back as the constant 0
  SmallVector<Value *, 4> limbs(IRBuilder<> &B, Value *V, unsigned n) {
    SmallVector<Value *, 4> R;
    Value *S = V;
    unsigned known = V->getType()->getIntegerBitWidth();
    if (auto *Z = dyn_cast<ZExtInst>(V))
      known = Z->getSrcTy()->getIntegerBitWidth();
    Type *W = IntegerType::get(C, 64 * n);
    S = B.CreateZExt(V, W);
    for (unsigned i = 0; i < n; i++)
      R.push_back(i * 64 >= known ? cast<Value>(ConstantInt::get(I64, 0))
                                  : B.CreateTrunc(i ? B.CreateLShr(S, ConstantInt::get(W, 64 * i)) : S, I64));
    return R;
  }

  // Schoolbook multiplication, without the products that are known to be zero.
  Value *wideMul(IRBuilder<> &B, Value *X, Value *Y) {
    unsigned w = X->getType()->getIntegerBitWidth(), n = (w + 63) / 64;
    Value *z = ConstantInt::get(I64, 0);
    auto isZ = [](Value *V) {
      auto *K = dyn_cast<ConstantInt>(V);
      return K && K->isZero();
    };
    SmallVector<Value *, 4> x = limbs(B, X, n), y = limbs(B, Y, n), r(n, z);
    for (unsigned i = 0; i < n; i++) {
      if (isZ(x[i]))
        continue;
      Value *carry = z;
      for (unsigned j = 0; i + j < n; j++) {
        unsigned k = i + j;
        bool last = k + 1 == n;
        if (isZ(y[j]) && isZ(carry))
          continue;
        Value *l = isZ(y[j]) ? z : B.CreateMul(x[i], y[j]), *h = isZ(y[j]) || last ? z : mulHigh(B, x[i], y[j]);
        Value *t = B.CreateAdd(r[k], l), *u = B.CreateAdd(t, carry);
        if (!last)
          carry = B.CreateAdd(h, B.CreateAdd(B.CreateZExt(B.CreateICmpULT(t, l), I64),
                                             B.CreateZExt(B.CreateICmpULT(u, carry), I64)));
        r[k] = u;
      }
    }
    Type *W = IntegerType::get(C, 64 * n);
    Value *R = B.CreateZExt(r[0], W);
    for (unsigned k = 1; k < n; k++)
      R = B.CreateOr(R, B.CreateShl(B.CreateZExt(r[k], W), ConstantInt::get(W, 64 * k)));
    return B.CreateTrunc(R, X->getType());
  }

  // ---- floats, through compiler_builtins' functions (names: libgcc's, "Soft float library routines")

  static bool isFloat(Type *T) { return T->isDoubleTy() || T->isFloatTy(); }

  static std::string floatSuffix(Type *T) { return T->isDoubleTy() ? "df" : "sf"; }

  static std::string intSuffix(unsigned w) { return w <= 32 ? "si" : w <= 64 ? "di" : "ti"; }

  Type *intType(unsigned w) { return w <= 32 ? I32 : w <= 64 ? I64 : I128; }

  Value *callBuiltin(IRBuilder<> &B, const std::string &N, Type *R, ArrayRef<Value *> A) {
    if (Function *F = M.getFunction(N))
      return B.CreateCall(F, A);
    SmallVector<Type *, 4> T;
    for (Value *V : A)
      T.push_back(V->getType());
    return B.CreateCall(M.getOrInsertFunction(N, FunctionType::get(R, T, false)), A);
  }

  Value *compareFloats(IRBuilder<> &B, CmpInst::Predicate P, Value *X, Value *Y) {
    std::string s = floatSuffix(X->getType()) + "2";
    auto c = [&](const char *n, CmpInst::Predicate Q) {
      Value *R = callBuiltin(B, std::string("__") + n + s, I32, {X, Y});
      return B.CreateICmp(Q, R, Constant::getNullValue(R->getType()));
    };
    switch (P) {
    case CmpInst::FCMP_OGT:
      return c("gt", CmpInst::ICMP_SGT);
    case CmpInst::FCMP_OGE:
      return c("ge", CmpInst::ICMP_SGE);
    case CmpInst::FCMP_OLT:
      return c("lt", CmpInst::ICMP_SLT);
    case CmpInst::FCMP_OLE:
      return c("le", CmpInst::ICMP_SLE);
    case CmpInst::FCMP_OEQ:
      return c("eq", CmpInst::ICMP_EQ);
    case CmpInst::FCMP_UNE:
      return c("ne", CmpInst::ICMP_NE);
    case CmpInst::FCMP_UNO:
      return c("unord", CmpInst::ICMP_NE);
    case CmpInst::FCMP_ORD:
      return c("unord", CmpInst::ICMP_EQ);
    case CmpInst::FCMP_ONE:
      return B.CreateAnd(compareFloats(B, CmpInst::FCMP_ORD, X, Y), compareFloats(B, CmpInst::FCMP_UNE, X, Y));
    default:
      return B.CreateNot(compareFloats(B, CmpInst::getInversePredicate(P), X, Y));
    }
  }

  Value *lowerFloat(IRBuilder<> &B, Instruction *I) {
    auto O = [&](unsigned n) { return I->getOperand(n); };
    Type *T = I->getType();
    switch (I->getOpcode()) {
    case Instruction::FAdd:
      if (isFloat(T))
        return callBuiltin(B, "__add" + floatSuffix(T) + "3", T, {O(0), O(1)});
      break;
    case Instruction::FSub:
      if (isFloat(T))
        return callBuiltin(B, "__sub" + floatSuffix(T) + "3", T, {O(0), O(1)});
      break;
    case Instruction::FMul:
      if (isFloat(T))
        return callBuiltin(B, "__mul" + floatSuffix(T) + "3", T, {O(0), O(1)});
      break;
    case Instruction::FDiv:
      if (isFloat(T))
        return callBuiltin(B, "__div" + floatSuffix(T) + "3", T, {O(0), O(1)});
      break;
    case Instruction::FCmp:
      if (isFloat(O(0)->getType()))
        return compareFloats(B, cast<FCmpInst>(I)->getPredicate(), O(0), O(1));
      break;
    case Instruction::UIToFP:
    case Instruction::SIToFP:
      if (isFloat(T)) {
        bool u = I->getOpcode() == Instruction::UIToFP;
        unsigned w = O(0)->getType()->getIntegerBitWidth();
        Type *W = intType(w);
        return callBuiltin(B, std::string(u ? "__floatun" : "__float") + intSuffix(w) + floatSuffix(T), T,
                           {u ? B.CreateZExt(O(0), W) : B.CreateSExt(O(0), W)});
      }
      break;
    case Instruction::FPToUI:
    case Instruction::FPToSI:
      if (isFloat(O(0)->getType())) {
        bool u = I->getOpcode() == Instruction::FPToUI;
        unsigned w = T->getIntegerBitWidth();
        return B.CreateTrunc(
            callBuiltin(B, std::string(u ? "__fixuns" : "__fix") + floatSuffix(O(0)->getType()) + intSuffix(w),
                        intType(w), {O(0)}),
            T);
      }
      break;
    case Instruction::FPExt:
      if (T->isDoubleTy() && O(0)->getType()->isFloatTy())
        return callBuiltin(B, "__extendsfdf2", T, {O(0)});
      break;
    case Instruction::FPTrunc:
      if (T->isFloatTy() && O(0)->getType()->isDoubleTy())
        return callBuiltin(B, "__truncdfsf2", T, {O(0)});
      break;
    case Instruction::Call:
      if (auto *II = dyn_cast<IntrinsicInst>(I)) { // compiler_builtins' fix* already saturate
        bool u = II->getIntrinsicID() == Intrinsic::fptoui_sat;
        if (!u && II->getIntrinsicID() != Intrinsic::fptosi_sat)
          break;
        if (!T->isIntegerTy() || !isFloat(O(0)->getType()))
          break;
        unsigned w = T->getIntegerBitWidth();
        if (w != 32 && w != 64 && w != 128)
          break;
        return callBuiltin(B, std::string(u ? "__fixuns" : "__fix") + floatSuffix(O(0)->getType()) + intSuffix(w),
                           T, {O(0)});
      }
      break;
    default:
      break;
    }
    return nullptr;
  }

  // ---- division

  Value *divRem128(IRBuilder<> &B, Function *F, Value *X, Value *Y, bool rem) {
    IRBuilder<> E(&*F->getEntryBlock().getFirstInsertionPt());
    AllocaInst *O = E.CreateAlloca(I128);
    O->setAlignment(Align(8));
    B.CreateCall(M.getOrInsertFunction(rem ? "__sbf_umodti3" : "__sbf_udivti3",
                                       FunctionType::get(Void, {Ptr, I64, I64, I64, I64}, false)),
                 {O, lowHalf(B, X), highHalf(B, X), lowHalf(B, Y), highHalf(B, Y)});
    return B.CreateAlignedLoad(I128, O, Align(8));
  }

  // On absolute values; the quotient's sign is the product of signs, the remainder's is the dividend's.
  Value *signedDivRem(IRBuilder<> &B, Function *F, Value *X, Value *Y, bool rem) {
    Type *T = X->getType();
    unsigned W = T->getIntegerBitWidth();
    Type *WT = W <= 64 ? I64 : I128;
    unsigned WW = W <= 64 ? 64 : 128;
    Value *a = B.CreateSExt(X, WT), *b = B.CreateSExt(Y, WT);
    Value *sa = B.CreateAShr(a, ConstantInt::get(WT, WW - 1)), *sb = B.CreateAShr(b, ConstantInt::get(WT, WW - 1));
    Value *ua = B.CreateSub(B.CreateXor(a, sa), sa), *ub = B.CreateSub(B.CreateXor(b, sb), sb);
    Value *q = WW == 128 ? divRem128(B, F, ua, ub, rem) : rem ? B.CreateURem(ua, ub) : B.CreateUDiv(ua, ub);
    Value *s = rem ? sa : B.CreateXor(sa, sb);
    return B.CreateTrunc(B.CreateSub(B.CreateXor(q, s), s), T);
  }

  void replaceWithOverflow(IRBuilder<> &B, Instruction *I, Value *R, Value *O) {
    Value *S = PoisonValue::get(I->getType());
    I->replaceAllUsesWith(B.CreateInsertValue(B.CreateInsertValue(S, R, 0), O, 1));
    I->eraseFromParent();
  }

  // ---- memory, arithmetic

  // Longer copies and fills go to the runtime, which hands them to system calls.
  void lowerMemory(IRBuilder<> &B, MemIntrinsic *I) {
    auto *Length = dyn_cast<ConstantInt>(I->getLength());
    if (Length && Length->getZExtValue() <= InlineMemLimit)
      return;
    Value *N = B.CreateZExtOrTrunc(I->getLength(), I64);
    if (auto *Set = dyn_cast<MemSetInst>(I)) {
      auto Runtime = M.getOrInsertFunction("__sbf_memset", FunctionType::get(Void, {Ptr, I64, I64}, false));
      B.CreateCall(Runtime, {Set->getRawDest(), B.CreateZExt(Set->getValue(), I64), N});
    } else {
      auto *Transfer = cast<MemTransferInst>(I);
      const char *Name = isa<MemMoveInst>(I) ? "__sbf_memmove" : "__sbf_memcpy";
      auto Runtime = M.getOrInsertFunction(Name, FunctionType::get(Void, {Ptr, Ptr, I64}, false));
      B.CreateCall(Runtime, {Transfer->getRawDest(), Transfer->getRawSource(), N});
    }
    I->eraseFromParent();
  }

  // {product, overflowed} of 8 to 64 bits, and of 128 bits unsigned. Signed i128 is left to the backend, which
  // asks for a function that does not exist: the linker then says so.
  void lowerMulWithOverflow(IRBuilder<> &B, IntrinsicInst *I, bool isUnsigned) {
    Value *X = I->getArgOperand(0), *Y = I->getArgOperand(1);
    Type *T = X->getType();
    unsigned Width = T->getIntegerBitWidth();
    if (Width <= 32) {
      Value *Product = isUnsigned ? B.CreateMul(B.CreateZExt(X, I64), B.CreateZExt(Y, I64))
                                  : B.CreateMul(B.CreateSExt(X, I64), B.CreateSExt(Y, I64));
      Value *R = B.CreateTrunc(Product, T);
      Value *Back = isUnsigned ? B.CreateZExt(R, I64) : B.CreateSExt(R, I64);
      replaceWithOverflow(B, I, R, B.CreateICmpNE(Back, Product));
    } else if (Width == 64 && isUnsigned) {
      Value *R = B.CreateMul(X, Y);
      replaceWithOverflow(B, I, R, B.CreateICmpNE(mulHigh(B, X, Y), ConstantInt::get(I64, 0)));
    } else if (Width == 64) {
      Value *R = B.CreateMul(X, Y), *High = mulHigh(B, X, Y), *SignBit = ConstantInt::get(I64, 63);
      High = B.CreateSub(High, B.CreateAnd(B.CreateAShr(X, SignBit), Y)); // unsigned to signed high half
      High = B.CreateSub(High, B.CreateAnd(B.CreateAShr(Y, SignBit), X));
      replaceWithOverflow(B, I, R, B.CreateICmpNE(High, B.CreateAShr(R, SignBit)));
    } else if (Width == 128 && isUnsigned) {
      Value *XL = lowHalf(B, X), *XH = highHalf(B, X), *YL = lowHalf(B, Y), *YH = highHalf(B, Y),
            *Zero = ConstantInt::get(I64, 0);
      Value *Cross1 = B.CreateMul(XH, YL), *Cross2 = B.CreateMul(XL, YH);
      Value *Over = B.CreateAnd(B.CreateICmpNE(XH, Zero), B.CreateICmpNE(YH, Zero));
      Over = B.CreateOr(Over, B.CreateICmpNE(mulHigh(B, XH, YL), Zero));
      Over = B.CreateOr(Over, B.CreateICmpNE(mulHigh(B, XL, YH), Zero));
      Value *Cross = B.CreateAdd(Cross1, Cross2);
      Over = B.CreateOr(Over, B.CreateICmpULT(Cross, Cross1));
      Value *Carried = mulHigh(B, XL, YL), *High = B.CreateAdd(Carried, Cross);
      Over = B.CreateOr(Over, B.CreateICmpULT(High, Cross));
      replaceWithOverflow(B, I, pair(B, B.CreateMul(XL, YL), High), Over);
    }
  }

  // A shift by an amount known only at run time, of a value of more than 64 bits, on its two halves.
  Value *wideShift(IRBuilder<> &B, BinaryOperator *I) {
    bool Left = I->getOpcode() == Instruction::Shl, Arithmetic = I->getOpcode() == Instruction::AShr;
    Value *X = I->getOperand(0);
    X = Arithmetic ? B.CreateSExt(X, I128) : B.CreateZExt(X, I128);
    Value *Amount = B.CreateZExtOrTrunc(I->getOperand(1), I64);
    Value *Low = lowHalf(B, X), *High = highHalf(B, X);
    Value *One = ConstantInt::get(I64, 1), *Most = ConstantInt::get(I64, 63), *Zero = ConstantInt::get(I64, 0);
    Value *Small = B.CreateAnd(Amount, Most), *Rest = B.CreateSub(Most, Small);
    Value *Far = B.CreateICmpUGE(Amount, ConstantInt::get(I64, 64));
    // What crosses from one half to the other moves by 64 - Small, which is out of range for 0: hence two steps.
    Value *NewLow, *NewHigh;
    if (Left) {
      Value *Shifted = B.CreateShl(Low, Small);
      Value *Crossing = B.CreateLShr(B.CreateLShr(Low, One), Rest);
      Value *Near = B.CreateOr(B.CreateShl(High, Small), Crossing);
      NewLow = B.CreateSelect(Far, Zero, Shifted);
      NewHigh = B.CreateSelect(Far, Shifted, Near);
    } else {
      Value *Fill = Arithmetic ? B.CreateAShr(High, Most) : Zero;
      Value *Shifted = Arithmetic ? B.CreateAShr(High, Small) : B.CreateLShr(High, Small);
      Value *Crossing = B.CreateShl(B.CreateShl(High, One), Rest);
      Value *Near = B.CreateOr(B.CreateLShr(Low, Small), Crossing);
      NewLow = B.CreateSelect(Far, Shifted, Near);
      NewHigh = B.CreateSelect(Far, Fill, Shifted);
    }
    return B.CreateTrunc(pair(B, NewLow, NewHigh), I->getType());
  }

  // What the backend lacks: products, quotients and variable shifts above 64 bits; signed quotients of any width.
  Value *lowerBinary(IRBuilder<> &B, Function &F, BinaryOperator *I) {
    if (!I->getType()->isIntegerTy())
      return nullptr;
    unsigned Width = I->getType()->getIntegerBitWidth();
    Value *X = I->getOperand(0), *Y = I->getOperand(1);
    switch (I->getOpcode()) {
    case Instruction::Mul:
      return Width > 64 ? wideMul(B, X, Y) : nullptr;
    case Instruction::UDiv:
    case Instruction::URem: {
      if (Width <= 64 || Width > 128)
        return nullptr;
      bool Remainder = I->getOpcode() == Instruction::URem;
      return B.CreateTrunc(divRem128(B, &F, B.CreateZExt(X, I128), B.CreateZExt(Y, I128), Remainder),
                           I->getType());
    }
    case Instruction::Shl:
    case Instruction::LShr:
    case Instruction::AShr:
      return Width > 64 && Width <= 128 && !isa<Constant>(Y) ? wideShift(B, I) : nullptr;
    case Instruction::SDiv:
    case Instruction::SRem:
      return Width <= 128 ? signedDivRem(B, &F, X, Y, I->getOpcode() == Instruction::SRem) : nullptr;
    default:
      return nullptr;
    }
  }

  void lowerInstructions(Function &F) {
    SmallVector<Instruction *, 64> Work;
    for (Instruction &I : instructions(F))
      Work.push_back(&I);
    for (Instruction *I : Work) {
      IRBuilder<> B(I);
      Value *Replacement = lowerFloat(B, I);
      if (auto *BO = dyn_cast<BinaryOperator>(I); BO && !Replacement)
        Replacement = lowerBinary(B, F, BO);
      if (Replacement) {
        I->replaceAllUsesWith(Replacement);
        I->eraseFromParent();
      } else if (auto *Memory = dyn_cast<MemIntrinsic>(I)) {
        lowerMemory(B, Memory);
      } else if (auto *Call = dyn_cast<IntrinsicInst>(I)) {
        auto Id = Call->getIntrinsicID();
        if (Id == Intrinsic::umul_with_overflow || Id == Intrinsic::smul_with_overflow)
          lowerMulWithOverflow(B, Call, Id == Intrinsic::umul_with_overflow);
      } else if (isa<FenceInst>(I)) { // one thread
        I->eraseFromParent();
      }
    }
  }

  // ---- calling convention

  // Calls of C's memory functions, and compiler_builtins' bodies of them, become the runtime's.
  void renameMemoryFunctions() {
    for (const char *Name : {"memcpy", "memmove", "memset", "memcmp", "bcmp"}) {
      Function *F = M.getFunction(Name);
      if (!F)
        continue;
      std::string RuntimeName = std::string("__sbf_") + Name;
      if (!F->isDeclaration())
        F->deleteBody();
      if (Function *Runtime = M.getFunction(RuntimeName)) {
        F->replaceAllUsesWith(Runtime);
        F->eraseFromParent();
      } else {
        F->setName(RuntimeName);
      }
    }
  }

  // Gives a function its new signature: stores the result through the out pointer, loads packed arguments.
  void rewriteSignature(Function *F) {
    Abi A = abiOf(DL, F->getFunctionType());
    if (!A.change)
      return;
    if (F->isDeclaration()) {
      if (!F->use_empty())
        errs() << "sbf_lower: external " << F->getName() << " needs more than 5 registers or a wide return\n";
      return;
    }
    Function *N = Function::Create(A.FT, F->getLinkage(), F->getAddressSpace(), "", &M);
    N->copyAttributesFrom(F);
    N->setAttributes(functionAttributes(C, F->getAttributes()));
    N->setComdat(F->getComdat());
    N->takeName(F);
    N->splice(N->begin(), F);
    IRBuilder<> B(&*N->getEntryBlock().getFirstInsertionPt());
    auto It = N->arg_begin();
    Value *Out = A.sret ? &*It++ : nullptr;
    unsigned i = 0;
    for (Argument &Old : F->args()) {
      if (i < A.keep) {
        Old.replaceAllUsesWith(&*It);
        It->takeName(&Old);
        ++It;
      } else {
        Value *P = B.CreateStructGEP(A.pack, N->getArg(N->arg_size() - 1), i - A.keep);
        Old.replaceAllUsesWith(B.CreateLoad(Old.getType(), P));
      }
      ++i;
    }
    if (Out)
      for (BasicBlock &BB : *N)
        if (auto *R = dyn_cast<ReturnInst>(BB.getTerminator())) {
          IRBuilder<> RB(R);
          RB.CreateStore(R->getReturnValue(), Out);
          RB.CreateRetVoid();
          R->eraseFromParent();
        }
    F->replaceAllUsesWith(N);
    F->eraseFromParent();
  }

  // Calls by the new convention. One stack slot for packed arguments and one for results serve all calls of a
  // function: each is written just before its call, or read just after.
  void rewriteCalls(Function &F) {
    SmallVector<CallBase *, 32> W;
    uint64_t maxPack = 0, maxRet = 0;
    for (Instruction &I : instructions(F))
      if (auto *CB = dyn_cast<CallBase>(&I)) {
        if (CB->isInlineAsm() || isa<IntrinsicInst>(CB))
          continue;
        if (auto *CI = dyn_cast<CallInst>(CB))
          CI->setTailCallKind(CallInst::TCK_None);
        Abi A = abiOf(DL, CB->getFunctionType());
        if (!A.change)
          continue;
        W.push_back(CB);
        if (A.pack)
          maxPack = std::max<uint64_t>(maxPack, DL.getTypeAllocSize(A.pack));
        if (A.sret)
          maxRet = std::max<uint64_t>(maxRet, DL.getTypeAllocSize(CB->getType()));
      }
    if (W.empty())
      return;
    IRBuilder<> E(&*F.getEntryBlock().getFirstInsertionPt());
    auto slot = [&](uint64_t n) {
      AllocaInst *A = E.CreateAlloca(ArrayType::get(I64, (n + 7) / 8));
      A->setAlignment(Align(8));
      return A;
    };
    Value *Pack = maxPack ? slot(maxPack) : nullptr,
          *Ret = W.size() ? slot(std::max<uint64_t>(maxRet, 8)) : nullptr;
    for (CallBase *CB : W) {
      Abi A = abiOf(DL, CB->getFunctionType());
      IRBuilder<> B(CB);
      SmallVector<Value *, 8> Args;
      if (A.sret)
        Args.push_back(Ret);
      for (unsigned i = 0; i < CB->arg_size(); i++) {
        if (i < A.keep)
          Args.push_back(CB->getArgOperand(i));
        else
          B.CreateAlignedStore(CB->getArgOperand(i), B.CreateStructGEP(A.pack, Pack, i - A.keep), Align(1));
      }
      if (A.pack)
        Args.push_back(Pack);
      CallInst *NC = B.CreateCall(A.FT, CB->getCalledOperand(), Args);
      NC->setAttributes(functionAttributes(C, CB->getAttributes()));
      NC->setDebugLoc(CB->getDebugLoc());
      NC->setCallingConv(CallingConv::C);
      if (!CB->use_empty())
        CB->replaceAllUsesWith(A.sret ? cast<Value>(B.CreateAlignedLoad(CB->getType(), Ret, Align(1)))
                                      : cast<Value>(NC));
      CB->eraseFromParent();
    }
  }

  // The backend refuses `sret` itself; a plain out pointer is the same thing.
  void dropBackendAttributes() {
    auto Drop = [](auto &Callee, unsigned Arguments) {
      Callee.setCallingConv(CallingConv::C);
      for (unsigned I = 0; I < Arguments; I++) {
        Callee.removeParamAttr(I, Attribute::StructRet);
        Callee.removeParamAttr(I, Attribute::InReg);
      }
    };
    for (Function &F : M) {
      if (!F.isIntrinsic())
        Drop(F, F.arg_size());
      for (Instruction &I : instructions(F))
        if (auto *Call = dyn_cast<CallBase>(&I); Call && !isa<IntrinsicInst>(Call))
          Drop(*Call, Call->arg_size());
    }
  }

  void run() {
    Function *MulHigh = mulHighFunction();
    SmallVector<Function *, 256> Defined, All;
    for (Function &F : M)
      if (!F.isDeclaration() && &F != MulHigh)
        Defined.push_back(&F);
    for (Function *F : Defined)
      lowerInstructions(*F);
    renameMemoryFunctions();
    for (Function &F : M)
      if (!F.isIntrinsic())
        All.push_back(&F);
    for (Function *F : All)
      rewriteSignature(F);
    for (Function &F : M)
      if (!F.isDeclaration())
        rewriteCalls(F);
    dropBackendAttributes();
    if (verifyModule(M, &errs()))
      report_fatal_error("sbf_lower: broken module");
  }
};

struct SbfLowerPass : PassInfoMixin<SbfLowerPass> {
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &) {
    Lower(M).run();
    return PreservedAnalyses::none();
  }

  static bool isRequired() { return true; }
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "sbf_lower", "1", [](PassBuilder &PB) {
            PB.registerPipelineParsingCallback(
                [](StringRef N, ModulePassManager &MPM, ArrayRef<PassBuilder::PipelineElement>) {
                  if (N == "sbf-lower") {
                    MPM.addPass(SbfLowerPass());
                    return true;
                  }
                  return false;
                });
          }};
}
