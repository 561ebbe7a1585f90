import { EXPORT_VARIANTS } from './export-variants.ts';
import { FILE_VARIANTS } from './file-variants.ts';
import { MATCH_VARIANTS } from './match-variants.ts';
import { STATUS_VARIANTS } from './status-variants.ts';
import type { VariantGroup } from './variant.ts';

export const VARIANTS: readonly VariantGroup[] = [MATCH_VARIANTS, EXPORT_VARIANTS, STATUS_VARIANTS, FILE_VARIANTS];
