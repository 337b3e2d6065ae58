use anchor_lang as _;
