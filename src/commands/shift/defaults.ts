// What a shift does when nothing else is asked for.

export const defaultSteps = "1%,5%,25%,50%,100%";
export const defaultCondition = "success<99%";
